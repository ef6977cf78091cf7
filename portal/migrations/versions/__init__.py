"""One module a change; the revision numbers order them."""
