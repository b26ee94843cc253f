"""Measurements of a running hub: real clients, server CPU, memory."""
