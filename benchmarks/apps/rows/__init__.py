"""The same six answers from a database, written for each framework as its own documentation writes them."""
