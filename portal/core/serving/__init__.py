"""The portal as granian serves it: limits at the door, and files that hold nobody up.

Granian's Rust threads keep idle and slow connections, read request heads and stream files. `application` reads bodies
without occupying Django, which answers one request at a time on a thread of its own. docs/decisions/0021-serving.md.
"""
