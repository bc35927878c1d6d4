"""Responses that become files: resumed, checked, and complete or not there.

`download` asks, and asks again; `ranges` judges what an answer is to the part that is
there; `part` is that part and what is known of it, `blocks` writes it in threads.
"""
