"""The client of a hub: calls as values, a transport that sends them, and uploads, downloads and git on top.

Nothing in this package prints, and only ``paths.current_paths`` reads the
environment of the process.
"""
