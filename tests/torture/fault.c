/* LD_PRELOAD shim: fails, shortens, delays or kills at the N-th file operation below a folder, counted over all processes.
 * cc -O1 -w -shared -fPIC -fno-delete-null-pointer-checks -o fault.so fault.c -ldl
 * FAULT_STATE  file of two longs, shared by all processes: operations so far, faults so far (make it with 16 zero bytes)
 * FAULT_OPS    which: letters of o(pen) w(rite) r(ead) f(sync) n(rename) m(kdir) u(nlink) l(ink, symlink) d(readdir)
 *              s(tat, readlink, realpath) t(runcate) c(hmod) k(flock) p(thread) x(spawn)
 * FAULT_N      which one (from 1); 0 only counts
 * FAULT_MODE   errno's number, "kill" (SIGKILL to itself), "short" (half of a write or read), "stop" (SIGSTOP), "sleep"
 * FAULT_STICKY 1: all operations of these kinds from the N-th on
 * FAULT_UNDER  only paths that contain this text; a relative path is taken from the current folder
 * FAULT_LOG    file to which every counted operation is appended
 * What makes system calls without libc (rustix does) passes by unseen.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long *state;
static const char *ops, *under, *mode, *logfile;
static long nth;
static int sticky, ready;

static int raw_open(const char *p, int f, int m) { return (int)syscall(SYS_openat, AT_FDCWD, p, f, m); }

__attribute__((constructor)) static void start(void) {
  const char *s = getenv("FAULT_STATE");
  if (!s) return;
  int fd = raw_open(s, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *at = (void *)syscall(SYS_mmap, 0, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (at == MAP_FAILED) return;
  state = at;
  ops = getenv("FAULT_OPS"); if (!ops) ops = "";
  under = getenv("FAULT_UNDER"); if (!under) under = "/";
  mode = getenv("FAULT_MODE"); if (!mode) mode = "5";
  logfile = getenv("FAULT_LOG");
  nth = getenv("FAULT_N") ? atol(getenv("FAULT_N")) : 0;
  sticky = getenv("FAULT_STICKY") != NULL;
  ready = 1;
}

static const char *of_fd(int fd, char *buf) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long n = syscall(SYS_readlinkat, AT_FDCWD, link, buf, 4000);
  if (n < 0) return "";
  buf[n] = 0;
  return buf;
}

/* 0: go on; 1: fail with errno; 2: short */
static int hit(char op, const char *path) {
  if (!ready || !strchr(ops, op) || !path || !*path) return 0;
  char here[4096], all[8300];
  if (*path != '/') {
    long n = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/cwd", here, sizeof here - 1);
    if (n < 0) return 0;
    here[n] = 0;
    snprintf(all, sizeof all, "%s/%s", here, path);
    path = all;
  }
  if (!strstr(path, under)) return 0;
  long now = __atomic_add_fetch(&state[0], 1, __ATOMIC_SEQ_CST);
  if (logfile) {
    char line[4300];
    int n = snprintf(line, sizeof line, "%ld %c %d %s\n", now, op, (int)syscall(SYS_getpid), path);
    int fd = raw_open(logfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) { syscall(SYS_write, fd, line, n); syscall(SYS_close, fd); }
  }
  if (nth == 0 || (sticky ? now < nth : now != nth)) return 0;
  __atomic_add_fetch(&state[1], 1, __ATOMIC_SEQ_CST);
  if (!strcmp(mode, "kill")) { syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); for (;;) ; }
  if (!strcmp(mode, "stop")) { syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP); return 0; }
  if (!strcmp(mode, "sleep")) { struct timespec t = {3, 0}; syscall(SYS_nanosleep, &t, 0); return 0; }
  if (!strcmp(mode, "short")) return 2;
  errno = atoi(mode);
  return 1;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static char kind_of(int flags) { (void)flags; return 'o'; }
#define OPEN(name, ...) \
  int flags_mode = 0; va_list a; va_start(a, flags); if (flags & (O_CREAT | O_TMPFILE)) flags_mode = va_arg(a, int); va_end(a);

int open(const char *p, int flags, ...) { OPEN(open); REAL(open); if (hit(kind_of(flags), p)) return -1; return real(p, flags, flags_mode); }
int open64(const char *p, int flags, ...) { OPEN(open64); REAL(open64); if (hit(kind_of(flags), p)) return -1; return real(p, flags, flags_mode); }
static int at_hit(char op, int dir, const char *p) {
  if (!ready) return 0;
  char buf[4096], all[8300];
  if (p[0] == '/' || dir == AT_FDCWD) return hit(op, p);
  snprintf(all, sizeof all, "%s/%s", of_fd(dir, buf), p);
  return hit(op, all);
}
int openat(int d, const char *p, int flags, ...) { OPEN(openat); REAL(openat); if (at_hit('o', d, p)) return -1; return real(d, p, flags, flags_mode); }
int openat64(int d, const char *p, int flags, ...) { OPEN(openat64); REAL(openat64); if (at_hit('o', d, p)) return -1; return real(d, p, flags, flags_mode); }

#define FD(op) char buf[4096]; int h = ready && strchr(ops, op) ? hit(op, of_fd(fd, buf)) : 0; if (h == 1) return -1
ssize_t write(int fd, const void *b, size_t n) { REAL(write); FD('w'); return real(fd, b, h == 2 && n > 1 ? n / 2 : n); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { REAL(pwrite64); FD('w'); return real(fd, b, h == 2 && n > 1 ? n / 2 : n, at); }
ssize_t writev(int fd, const struct iovec *v, int c) { REAL(writev); FD('w'); return real(fd, v, h == 2 && c > 1 ? 1 : c); }
ssize_t read(int fd, void *b, size_t n) { REAL(read); FD('r'); return real(fd, b, h == 2 && n > 1 ? n / 2 : n); }
ssize_t pread64(int fd, void *b, size_t n, off64_t at) { REAL(pread64); FD('r'); return real(fd, b, h == 2 && n > 1 ? n / 2 : n, at); }
ssize_t sendfile64(int o, int fd, off64_t *at, size_t n) { REAL(sendfile64); FD('r'); return real(o, fd, at, n); }
ssize_t copy_file_range(int i, off64_t *a, int fd, off64_t *b, size_t n, unsigned f) { REAL(copy_file_range); FD('w'); return real(i, a, fd, b, n, f); }
int fsync(int fd) { REAL(fsync); FD('f'); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); FD('f'); return real(fd); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); FD('t'); return real(fd, n); }
int flock(int fd, int o) { REAL(flock); FD('k'); return real(fd, o); }
int rename(const char *a, const char *b) { REAL(rename); if (hit('n', b)) return -1; return real(a, b); }
int renameat(int d, const char *a, int e, const char *b) { REAL(renameat); if (at_hit('n', e, b)) return -1; return real(d, a, e, b); }
int renameat2(int d, const char *a, int e, const char *b, unsigned f) { REAL(renameat2); if (at_hit('n', e, b)) return -1; return real(d, a, e, b, f); }
int mkdirat(int d, const char *p, mode_t m) { REAL(mkdirat); if (at_hit('m', d, p)) return -1; return real(d, p, m); }
int symlinkat(const char *a, int d, const char *b) { REAL(symlinkat); if (at_hit('l', d, b)) return -1; return real(a, d, b); }
int chmod(const char *p, mode_t m) { REAL(chmod); if (hit('c', p)) return -1; return real(p, m); }
int fchmod(int fd, mode_t m) { REAL(fchmod); FD('c'); return real(fd, m); }
int futimens(int fd, const struct timespec t[2]) { REAL(futimens); FD('c'); return real(fd, t); }
ssize_t readlink(const char *restrict p, char *restrict b, size_t n) { REAL(readlink); if (hit('s', p)) return -1; return real(p, b, n); }
char *realpath(const char *restrict p, char *restrict b) { REAL(realpath); if (hit('s', p)) return NULL; return real(p, b); }
int mkdir(const char *p, mode_t m) { REAL(mkdir); if (hit('m', p)) return -1; return real(p, m); }
int unlink(const char *p) { REAL(unlink); if (hit('u', p)) return -1; return real(p); }
int unlinkat(int d, const char *p, int f) { REAL(unlinkat); if (at_hit('u', d, p)) return -1; return real(d, p, f); }
int symlink(const char *a, const char *b) { REAL(symlink); if (hit('l', b)) return -1; return real(a, b); }
int linkat(int d, const char *a, int e, const char *b, int f) { REAL(linkat); if (at_hit('l', e, b)) return -1; return real(d, a, e, b, f); }
DIR *opendir(const char *p) { REAL(opendir); if (hit('d', p)) return NULL; return real(p); }
DIR *fdopendir(int fd) { REAL(fdopendir); char buf[4096]; if (ready && strchr(ops, 'd') && hit('d', of_fd(fd, buf))) return NULL; return real(fd); }
struct dirent64 *readdir64(DIR *d) { REAL(readdir64); char buf[4096]; if (ready && strchr(ops, 'd') && hit('d', of_fd(dirfd(d), buf))) return NULL; return real(d); }
int stat64(const char *p, struct stat64 *s) { REAL(stat64); if (hit('s', p)) return -1; return real(p, s); }
int lstat64(const char *p, struct stat64 *s) { REAL(lstat64); if (hit('s', p)) return -1; return real(p, s); }
int fstat64(int fd, struct stat64 *s) { REAL(fstat64); FD('s'); return real(fd, s); }
int statx(int d, const char *restrict p, int f, unsigned m, struct statx *restrict s) { REAL(statx); const char *volatile path = p; /* the standard library asks with NULL whether there is a statx */ if (ready && strchr(ops, 's')) { char buf[4096]; const char *q = path; if (q && *q ? at_hit('s', d, q) : hit('s', of_fd(d, buf))) return -1; } return real(d, p, f, m, s); }
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) { REAL(pthread_create); if (hit('p', under)) return EAGAIN; return real(t, a, f, x); }
int posix_spawnp(pid_t *p, const char *f, const posix_spawn_file_actions_t *a, const posix_spawnattr_t *t, char *const v[], char *const e[]) { REAL(posix_spawnp); if (hit('x', under)) return errno; return real(p, f, a, t, v, e); }
