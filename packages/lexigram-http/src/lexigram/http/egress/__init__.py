"""Where a client may connect to: what is configured, what is decided, what is said.

`config` is the section, `addresses` knows what kinds of addresses there are, `policy`
decides, and `refusals` carries a decision through the transport to the caller.
"""
