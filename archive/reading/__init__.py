"""What pages say. Pure: bytes in, values out."""
