"""A program that registers an architecture from a file, so that the engine has little to do beside asking a pack."""
