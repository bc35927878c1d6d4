"""The command `python -m lexigram.http`: calls from a terminal (extra `cli`).

`arguments` and `values` are what can be written, `options` what it means for a call,
`commands` and `saving` what each command does, `output` how it is shown, `exits` how it
ends.
"""
