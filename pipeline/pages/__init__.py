"""How every page is made: templates, pictures inside them, one style."""
