"""The connections of a client: how many, for how long, and their start and end.

`admission` lets calls in, first come first served; `connector` opens, keeps and drops
connections; `pool` puts the two together, and `session` adds the cookies of one client.
"""
