"""HTTP doors: authenticate, decode, call one use case of the hub, encode.

The plumbing comes first: a request enters through ``edge`` (ids, errors,
logging, counting), may bring a body through ``bodies``, does its blocking work
through ``threads`` and, if it asks for bytes, gets them from ``responders``.
``hosting`` runs the finished application in one process or several.
"""
