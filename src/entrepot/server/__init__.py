"""HTTP routes: authenticate a request, decode it, call one use case of the hub, encode the response.

Shared parts: every request passes through ``middleware`` (ids, errors,
logging, metrics); ``bodies`` receives request bodies, ``threads`` runs blocking
work, ``responders`` sends file contents. ``hosting`` and ``workers`` run the
application in one process or several.
"""
