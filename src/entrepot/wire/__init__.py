"""JSON shapes and times shared by the server and the client, and the error table."""
