"""The command line: arguments in, use cases called, results printed, failures as exit codes.

``main`` is the only module that looks at the process (its environment and
arguments). Every command imports what it needs when it runs, so that help
costs nothing and the commands for clients work without the server's libraries.
"""
