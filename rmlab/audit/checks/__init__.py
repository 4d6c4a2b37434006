"""The checks of an audit: a file for each family of them."""
