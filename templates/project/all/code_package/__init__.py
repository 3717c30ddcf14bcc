"""The app and everything it is made of; import it by its full name, ``code_package.…``."""
