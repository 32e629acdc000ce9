; Debug exceptions in 64-bit mode.
%define LONG 1
%include "debug.inc"
