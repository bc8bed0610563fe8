"""An isolation forest on pooled features of a frozen network (Deep IF)."""
