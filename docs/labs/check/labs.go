package main

// question is a line of answers.txt.
type question struct {
	key  string
	hint string // where to look again
	sum  string // digest of the right answer; "": the lab's measure finds it out
}

// lab is one of the eight.
type lab struct {
	dir, source string
	questions   []question
	measure     func(c *checker) (map[string]string, error) // runs the guest as given; nil: there is nothing to measure
	task        func(c *checker) error                      // checks the student's program; nil: there is none
}

var labs = [...]lab{
	{dir: "1-translation", source: "sum.asm", measure: measureTranslation, questions: []question{
		{"sum", "look at what the guest prints", ""},
		{"first_block_instructions", "count the lines of the first IN: in -d in_asm", ""},
		{"loop_runs", "count the lines of -d exec for the block that begins at the loop's first instruction", "0ca25b977ad5"},
		{"flags_wanted", "the letters behind ! on the add of the loop's block, in -d op_opt", ""},
		{"xor_becomes", "the name of the micro-op for xor eax, eax in -d op_opt, up to the dot", "b2e612e1200d"},
	}},
	{dir: "2-sensitive", source: "vmm.asm", measure: measureSensitive, task: taskSensitive, questions: []question{
		{"wrong", "count the lines that say wrong", ""},
		{"traps", "the guest prints it", ""},
		{"umip_wrong", "assemble with -dUMIP", ""},
		{"umip_trap", "compare the two tables: which five are right with -dUMIP?", "650eea9d17d3"},
		{"popf_keeps", "which flag (two letters) should POPF have cleared?", "40854120133b"},
	}},
	{dir: "3-interrupts", source: "rings.asm", measure: measureInterrupts, task: taskInterrupts, questions: []question{
		{"program_cs", "the guest prints it", ""},
		{"program_cpl", "SDM vol. 3A 5.5: which bits of CS are the current privilege level?", "176cb946788d"},
		{"int20_error_code", "the last #GP that the guest prints", ""},
		{"int20_vector", "SDM vol. 3A 6.13: which bits of the error code are the index?", "e49834fb17fa"},
		{"timer_vector", "-d int, or the program's set-up of the 8259A", "27067bca0c85"},
	}},
	{dir: "4-paging", source: "paging.asm", measure: measurePaging, task: taskPaging, questions: []question{
		{"directory_index", "bits 31:22 of 12345678h", "2ab909cd809e"},
		{"table_index", "bits 21:12 of 12345678h", "889a5a87cb8c"},
		{"offset", "bits 11:0 of 12345678h", "a85f6416e943"},
		{"accessed_bit", "which bit (its number) has the read set?", "e030d64b14ab"},
		{"dirty_bit", "which bit has the write set?", "ff895ce5d4b1"},
		{"write_error_code", "the first page fault", ""},
	}},
	{dir: "5-smc", source: "smc.asm", measure: measureSMC, task: taskSMC, questions: []question{
		{"invalidations", "-d stats has it", ""},
		{"function_translations", "count in -d in_asm how often a block begins at the function", ""},
		{"bails_per_count", "divide the bails of -d stats by the rounds of the counter's loop, and round", "705615ff0983"},
	}},
	{dir: "6-devices", source: "transfer.asm", measure: measureDevices, task: taskDevices, questions: []question{
		{"sys_1_thousands", "engine: Sys of -accel tcg -d stats with -dWAY=1, divided by 1000 and rounded", "95516eb4a756"},
		{"sys_2_thousands", "the same with -dWAY=2", "221b3f6cb548"},
		{"checksum", "both ways print it", ""},
	}},
	{dir: "7-boot", source: "boot.asm", task: taskBoot, questions: []question{
		{"first_instruction", "the physical address of the first IN: of -d in_asm", "8d3173f22ced"},
		{"reset_cs_base", "SDM vol. 3A 9.1.4: the hidden base of CS after reset", "61b2f083f6a9"},
		{"cs_after_jump", "the ROM prints it", "4a1c96f47735"},
		{"boot_sector_at", "where does the firmware load it?", "ed0e48596894"},
		{"drive", "the boot sector prints it, in hexadecimal", "30bb5ac8bc73"},
	}},
	{dir: "8-hypercall", source: "calls.asm", task: taskHypercall, questions: []question{
		{"vmcall_vector", "the exception that the post-mortem names first", "afe9dfc1a30c"},
		{"bytes_printed", "the guest prints it", "48a2a8e4883f"},
	}},
}
