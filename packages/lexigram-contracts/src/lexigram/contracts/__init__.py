"""The vocabulary of lexigram: protocols, value types and errors, and nothing else.

Import from the part that names what you need: `lexigram.contracts.web`,
`.resilience`, `.di`, `.metrics`, `.clock`, `.errors`, `.redaction`.
"""
