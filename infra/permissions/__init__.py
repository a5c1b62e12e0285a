"""Who may do what: the names that permissions speak of, the capabilities, and the functions that hold them."""
