"""HTML for people: plain templates without script, nothing loaded. ``html.fill`` alone puts texts into them."""
