# What the hook is linked with.  libgcc's unwinder is taken in, not needed by
# the target; its way to the dynamic linker's list of modules leads to ours, and
# what it would want of a newer glibc to stand-ins.
HOOK_LIBS = -static-libgcc -Wl,--wrap=_dl_find_object -Wl,--wrap=pthread_once \
	-Wl,--wrap=__pthread_key_create -lgcc_eh
