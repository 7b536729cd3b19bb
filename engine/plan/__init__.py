"""Operations, before anything is executed: selections, arguments, declarations."""
