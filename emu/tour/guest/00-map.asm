; 00-map: where everything is.
;
; The guest is one ROM of 64 KiB. The board shows it twice: at FFFF0000, where
; the processor begins, and at 000F0000, where real mode can reach it.
; Every label in these files is an address in the lower copy.

ROM             equ 0xf0000
        org ROM

; --- RAM -------------------------------------------------------------------
A20_PROBE       equ 0x00500     ; a word to compare with the one 1 MiB higher
GDT             equ 0x01000     ; the descriptor tables live in RAM, because the
IDT             equ 0x02000     ; processor writes to the GDT (accessed and busy bits)
TSS             equ 0x03000     ; task state segment
TSS_SHORT       equ 0x03100     ; one that is too short, for #TS
VARS            equ 0x04000     ; variables of the kernel, see below
SHARED          equ 0x05000     ; a page that kernel and tasks may read and write
USER_STACKS     equ 0x06000     ; a page: 1 KiB for each task
KERNEL_STACK    equ 0x10000     ; top of the kernel's own stack
TASK_STACKS     equ 0x14000     ; tops at 15000, 16000, 17000: kernel stacks of the tasks
TRAP_STACK      equ 0x14000     ; top of the stack for traps from user mode outside tasks
DF_STACK        equ 0x19000     ; top of the double fault's stack (IST1)
PML4            equ 0x20000     ; page tables, one page each
PDPT            equ 0x21000
PD_LOW          equ 0x22000     ; the first GiB
PT_LOW          equ 0x23000     ; the first 2 MiB
PD_HIGH         equ 0x24000     ; the fourth GiB, where devices are
READ_ONLY       equ 0x2a000     ; a page that nobody may write
HOLE            equ 0x1ff000    ; a page that is not present
RESERVED_BIT    equ 0x600000    ; a large page whose entry has a reserved bit set

LOCAL_APIC      equ 0xfee00000

; --- variables ---------------------------------------------------------------
TICKS           equ VARS + 0x00 ; timer interrupts so far
KEYS            equ VARS + 0x08 ; keyboard interrupts so far
RESUME          equ VARS + 0x10 ; where to go on after an expected exception; 0: none is expected
RESUME_RSP      equ VARS + 0x18
USER_RSP        equ VARS + 0x20 ; SYSCALL's scratch
CURRENT         equ VARS + 0x28 ; number of the running task; 0 is the kernel's own
LIVE            equ VARS + 0x30 ; tasks that have not ended
TASKING         equ VARS + 0x38 ; not 0: the timer switches tasks
RX_HEAD         equ VARS + 0x40 ; ring of received characters: next to write
RX_TAIL         equ VARS + 0x48 ; next to read
TASKS           equ VARS + 0x80 ; four of 32 bytes: saved RSP, runnable, times switched to
RX_RING         equ VARS + 0x200 ; 256 bytes
LINE            equ VARS + 0x300 ; the command line, 256 bytes
BUFFER          equ VARS + 0x400 ; one fw_cfg directory entry

TURN            equ SHARED      ; which task may print next

; --- selectors ---------------------------------------------------------------
CODE32          equ 0x08
DATA32          equ 0x10
CODE64          equ 0x18        ; SYSCALL takes this and the next
DATA64          equ 0x20
USER32          equ 0x28        ; SYSRET would take the two after this
USER_DATA       equ 0x30 + 3
USER_CODE       equ 0x38 + 3
ABSENT          equ 0x40        ; a segment that is not present
TSS_SEL         equ 0x48
TSS_SHORT_SEL   equ 0x58

; --- ports -------------------------------------------------------------------
COM1            equ 0x3f8
PIC1            equ 0x20
PIC2            equ 0xa0
FW_CFG          equ 0x510
PM_BASE         equ 0x600
PM1_CONTROL     equ PM_BASE + 4

; --- bits --------------------------------------------------------------------
CR0_PE          equ 1 << 0
CR0_MP          equ 1 << 1
CR0_TS          equ 1 << 3
CR0_NE          equ 1 << 5
CR0_WP          equ 1 << 16
CR0_AM          equ 1 << 18
CR0_PG          equ 1 << 31
CR4_PAE         equ 1 << 5
CR4_OSFXSR      equ 1 << 9
CR4_OSXMMEXCPT  equ 1 << 10
EFER            equ 0xc0000080
EFER_SCE        equ 1 << 0
EFER_LME        equ 1 << 8
EFER_NXE        equ 1 << 11
RFLAGS_TF       equ 1 << 8
RFLAGS_IF       equ 1 << 9
RFLAGS_AC       equ 1 << 18
PAGE_P          equ 1 << 0      ; present
PAGE_W          equ 1 << 1      ; writable
PAGE_U          equ 1 << 2      ; for user mode too
PAGE_CD         equ 1 << 4      ; not cached
PAGE_PS         equ 1 << 7      ; large page
PAGE_NX_HIGH    equ 1 << 31     ; no execution; bit 63, here of the upper half
