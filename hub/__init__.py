"""The use cases and everything that surrounds them: sockets, HTTP, worker, settings and command line."""
