; Debug exceptions in 32-bit protected mode.
%define LONG 0
%include "debug.inc"
