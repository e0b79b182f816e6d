"""Tables that come with the package; a case names them ``builtin:NAME``."""
