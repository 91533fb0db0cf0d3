"""How files reach the disk: whole or not at all, and never over what somebody else wrote.

`folder` writes a folder of results, `file` a single file; `manifest` knows what this program wrote,
`journal` installs new files so that a stopped run can be finished or undone, `lock` keeps two writers
apart, `messages` says what became of files that were there.
"""
