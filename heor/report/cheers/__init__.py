"""The reporting checklist of a run: CHEERS 2022, and CHEERS-VOI where information was valued."""
