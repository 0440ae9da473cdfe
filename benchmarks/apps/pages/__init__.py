"""Pages, written for each framework as its own documentation writes them.

Each has `/plaintext`, `/stylesheet` (the address of the style sheet, as a page would show it), `/start` (begins a session with a
member's id and a number of visits), `/fortunes`, `/form` (GET, and POST with 303 to `/thanks` or the page again) and `/upload`.
"""
