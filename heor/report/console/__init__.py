"""What commands print that write no folder."""
