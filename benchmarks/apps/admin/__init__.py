"""A million rows with five relations, in each back office: a module gives `open_site(url)`, which asks it in its own process."""
