/*
 * memory_notes.c - the notes of a process's ELF core file.
 *
 * Reads stat, cmdline, auxv and task/TID/syscall of /proc/PID.  What cannot be
 * read or does not have the kernel's form is 0 or left out; what does not fit
 * is left out and said.
 */
#include "memory_notes.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "io.h"
#include "memory_areas.h"
#include "memory_freeze.h"
#include "parse.h"
#include "procfs.h"
#include "scope.h"

#define OUT_MAX (16u << 20)
#define FILES_MAX (2u << 20)
#define NAMES_MAX (8u << 20)
#define SYSCALL_NUMBERS 9 /* number, six arguments, stack pointer, program counter */

#ifndef NT_FILE
#define NT_FILE 0x46494c45
#endif

int memory_notes_open(struct memory_notes *n)
{
	int r;

	*n = (struct memory_notes){ 0 };
	r = buf_open(&n->out, OUT_MAX);
	if (r == 0)
		r = buf_open(&n->files, FILES_MAX);
	if (r == 0)
		r = buf_open(&n->names, NAMES_MAX);
	return r;
}

void memory_notes_free(struct memory_notes *n)
{
	buf_free(&n->out);
	buf_free(&n->files);
	buf_free(&n->names);
}

void memory_notes_begin(struct memory_notes *n)
{
	n->out.len = n->files.len = n->names.len = 0;
	n->file_count = n->threads = n->registers = 0;
	n->cut = false;
}

void memory_notes_map(struct memory_notes *n, const struct procfs_map *map)
{
	uint64_t row[3] = { map->start, map->end, map->offset };
	static const char end = '\0';

	if (map->inode == 0 || map->path_len == 0)
		return;
	if (buf_room(&n->files) < sizeof(row) ||
	    buf_room(&n->names) < map->path_len + 1) {
		n->cut = true;
		return;
	}
	(void)buf_add(&n->files, row, sizeof(row));
	(void)buf_add(&n->names, map->path, map->path_len);
	(void)buf_add(&n->names, &end, 1);
	n->file_count++;
}

/* Begin a note of ${len} bytes, which are added next.  False: it does not fit. */
static bool begin_note(struct memory_notes *n, uint32_t type, size_t len)
{
	const Elf64_Nhdr h = {
		.n_namesz = 5, .n_descsz = (Elf64_Word)len, .n_type = type,
	};

	if (buf_room(&n->out) < sizeof(h) + 8 + len + 4) {
		n->cut = true;
		return false;
	}
	(void)buf_add(&n->out, &h, sizeof(h));
	(void)buf_add(&n->out, "CORE\0\0\0", 8);
	return true;
}

static void end_note(struct memory_notes *n)
{
	(void)buf_add(&n->out, "\0\0\0", -n->out.len & 3);
}

static void add_note(struct memory_notes *n, uint32_t type, const void *data,
		     size_t len)
{
	if (!begin_note(n, type, len))
		return;
	(void)buf_add(&n->out, data, len);
	end_note(n);
}

/*
 * Read "NUMBER ARGUMENT*6 SP PC", or "-1 SP PC" of a thread that waits outside
 * of a system call.  False for one that runs.
 */
static bool parse_syscall(const char *text, size_t len,
			  uint64_t ret[SYSCALL_NUMBERS])
{
	uint64_t v[SYSCALL_NUMBERS] = { 0 };
	const char *word;
	size_t n = 0, size;

	while (n < SYSCALL_NUMBERS && procfs_field(&text, &len, &word, &size)) {
		bool negative = n == 0 && size > 1 && word[0] == '-';
		bool hex = size > 2 && word[0] == '0' && word[1] == 'x';
		size_t skip = hex ? 2 : negative ? 1 : 0;

		while (size > skip && word[size - 1] == '\n')
			size--;
		if (parse_u64(word + skip, size - skip, hex ? 16 : 10, &v[n]) < 0)
			return false;
		if (negative)
			v[n] = -v[n];
		n++;
	}
	if (n == 3) {
		v[7] = v[1];
		v[8] = v[2];
		v[1] = v[2] = 0;
	}
	memcpy(ret, v, sizeof(v));
	return n == 3 || n == SYSCALL_NUMBERS;
}

/* Put what is known where the machine's struct user_regs_struct has it. */
static void set_registers(elf_gregset_t *regs, const uint64_t v[SYSCALL_NUMBERS])
{
	uint64_t r[sizeof(*regs) / sizeof(uint64_t)] = { 0 };

	_Static_assert(sizeof(r) == sizeof(*regs), "64-bit registers");
#if defined(__x86_64__)
	/* rdi, rsi, rdx, r10, r8, r9 */
	static const uint8_t arguments[6] = { 14, 13, 12, 7, 9, 8 };

	for (size_t i = 0; i < 6; i++)
		r[arguments[i]] = v[1 + i];
	r[15] = v[0]; /* orig_rax */
	r[16] = v[8]; /* rip */
	r[17] = 0x33; /* cs and ss of user space */
	r[19] = v[7]; /* rsp */
	r[20] = 0x2b;
#else
	for (size_t i = 0; i < 6; i++)
		r[i] = v[1 + i];
	r[8] = v[0];
	r[31] = v[7]; /* sp */
	r[32] = v[8]; /* pc */
#endif
	memcpy(regs, r, sizeof(r));
}

static void add_thread(struct memory_notes *n, const struct memory_areas_source *p,
		       pid_t tid, const struct procfs_stat *stat)
{
	struct elf_prstatus s = { 0 };
	uint64_t v[SYSCALL_NUMBERS];
	char name[48], text[512];
	ssize_t len;

	s.pr_pid = tid;
	s.pr_ppid = (pid_t)stat->ppid;
	s.pr_pgrp = (pid_t)stat->pgrp;
	s.pr_sid = (pid_t)stat->session;
	(void)snprintf(name, sizeof(name), "task/%d/syscall", (int)tid);
	if (p->freeze != NULL && memory_freeze_registers(p->freeze, tid, &s.pr_reg)) {
		n->registers++;
	} else if ((len = io_read_file(p->dir, name, text, sizeof(text))) > 0 &&
		   parse_syscall(text, (size_t)len, v)) {
		set_registers(&s.pr_reg, v);
		n->registers++;
	}
	add_note(n, NT_PRSTATUS, &s, sizeof(s));
	n->threads++;
}

static void add_other_threads(struct memory_notes *n,
			      const struct memory_areas_source *p,
			      const struct procfs_stat *stat)
{
	int fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *tasks = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (tasks == NULL && fd >= 0)
		(void)close(fd);
	while (tasks != NULL && !n->cut && (d = readdir(tasks)) != NULL) {
		pid_t tid = parse_pid(d->d_name);

		if (tid > 0 && tid != p->pid)
			add_thread(n, p, tid, stat);
	}
}

static void add_process(struct memory_notes *n, int dir, pid_t pid,
			const struct procfs_stat *stat)
{
	static const char states[] = "RSDTZW";
	const char *state = stat->state != '\0' ? strchr(states, stat->state) : NULL;
	struct elf_prpsinfo p = { 0 };
	char args[ELF_PRARGSZ];
	ssize_t len = io_read_file(dir, "cmdline", args, sizeof(args));
	size_t comm = stat->comm_len < sizeof(p.pr_fname) - 1 ? stat->comm_len :
							       sizeof(p.pr_fname) - 1;

	p.pr_state = (char)(state != NULL ? state - states : 0);
	p.pr_sname = stat->state;
	p.pr_zomb = stat->state == 'Z';
	p.pr_nice = (char)stat->nice;
	p.pr_flag = stat->flags;
	p.pr_pid = pid;
	p.pr_ppid = (pid_t)stat->ppid;
	p.pr_pgrp = (pid_t)stat->pgrp;
	p.pr_sid = (pid_t)stat->session;
	memcpy(p.pr_fname, stat->comm, comm);
	/* A longer command line is there in its beginning. */
	if (len == -EFBIG)
		len = sizeof(args) - 1;
	for (ssize_t i = 0; i + 1 < len; i++)
		p.pr_psargs[i] = (char)(args[i] != '\0' ? args[i] : ' ');
	add_note(n, NT_PRPSINFO, &p, sizeof(p));
}

static void add_auxv(struct memory_notes *n, int dir)
{
	char auxv[4096];
	ssize_t len = io_read_file(dir, "auxv", auxv, sizeof(auxv));

	if (len > 0)
		add_note(n, NT_AUXV, auxv, (size_t)len & ~(size_t)15);
}

/* Count, page size, the rows with offsets in pages, the names. */
static void add_files(struct memory_notes *n, size_t page)
{
	const uint64_t head[2] = { n->file_count, page };

	if (n->file_count == 0 ||
	    !begin_note(n, NT_FILE, sizeof(head) + n->files.len + n->names.len))
		return;
	for (size_t i = 0; i < n->file_count; i++) {
		uint8_t *at = n->files.data + i * 24 + 16;
		uint64_t offset;

		memcpy(&offset, at, sizeof(offset));
		offset /= page;
		memcpy(at, &offset, sizeof(offset));
	}
	(void)buf_add(&n->out, head, sizeof(head));
	(void)buf_add(&n->out, n->files.data, n->files.len);
	(void)buf_add(&n->out, n->names.data, n->names.len);
	end_note(n);
}

void memory_notes_end(struct memory_notes *n, const struct memory_areas_source *source)
{
	struct procfs_stat stat = { 0 };
	char text[1024];
	ssize_t len = io_read_file(source->dir, "stat", text, sizeof(text));

	if (len <= 0 || procfs_parse_stat(text, (size_t)len, &stat) < 0)
		stat = (struct procfs_stat){ 0 };
	add_thread(n, source, source->pid, &stat);
	add_process(n, source->dir, source->pid, &stat);
	add_auxv(n, source->dir);
	add_files(n, source->page);
	add_other_threads(n, source, &stat);
}
