"""The client of a hub: calls as values, one transport that sends them, and what is built on both.

Nothing here prints, and nothing but ``places.current_places`` reads the
environment of the process.
"""
