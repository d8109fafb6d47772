"""A seller's tasks, played on the sandbox by scripts or by a model, and what came of them.

Nothing here imports ``fw_mcp``: it is judged from outside, through its protocol and the API.
"""
