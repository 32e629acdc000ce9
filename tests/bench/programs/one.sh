#!/bin/sh
# Runs what goemu.args=SCRIPT,NAME,FACTOR on the kernel's command line asks for.
for w in $(cat /proc/cmdline); do
	case $w in goemu.args=*)
		IFS=,
		set -- ${w#goemu.args=}
		unset IFS
		if [ -n "$2" ]; then
			"$1" "$2" "$3"
		else
			"$1" "$3"
		fi
		;;
	esac
done
