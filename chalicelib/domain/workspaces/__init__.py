"""What a workspace configures, who is answerable in it, and who may do what."""
