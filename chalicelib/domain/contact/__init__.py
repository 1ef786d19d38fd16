"""Whether a customer may be contacted, and what is shown of them."""
