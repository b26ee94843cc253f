"""The command line: parses arguments, calls use cases, prints results and turns errors into exit codes.

Only ``main`` reads the environment and the arguments of the process. Every
command imports its dependencies when it runs, which keeps ``--help`` fast and
lets the client commands work without the server's libraries.
"""
