// The names of Python's own modules, 2.7 to 3.14: nothing of theirs is read as harmless unless a table says so.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "store/pickle_globals.h"

namespace tessera {
namespace {

constexpr std::string_view modules =
    "BaseHTTPServer Bastion CGIHTTPServer ConfigParser Cookie DocXMLRPCServer HTMLParser MimeWriter Queue ScrolledText "
    "SimpleHTTPServer SimpleXMLRPCServer SocketServer StringIO Tix Tkinter UserDict UserList UserString abc aifc "
    "annotationlib antigravity anydbm argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii "
    "binhex bisect bsddb builtins bz2 cPickle cProfile cStringIO calendar ce cgi cgitb chunk cmath cmd code codecs "
    "codeop "
    "collections colorsys commands compileall compiler compression concurrent configparser contextlib contextvars "
    "cookielib copy copy_reg copyreg crypt csv ctypes curses dataclasses datetime dbhash dbm decimal difflib dircache "
    "dis "
    "distutils dl doctest dumbdbm dummy_threading email encodings ensurepip enum errno exceptions faulthandler fcntl "
    "filecmp fileinput fnmatch formatter fpformat fractions ftplib functools future_builtins gc gdbm genericpath "
    "getopt "
    "getpass gettext glob graphlib grp gzip hashlib heapq hmac hotshot html htmlentitydefs htmllib http httplib "
    "idlelib "
    "ihooks imaplib imghdr imp importlib imputil inspect io ipaddress itertools json keyword lib2to3 linecache locale "
    "logging lzma mac macpath mailbox mailcap marshal math md5 mhlib mimetools mimetypes mimify mmap modulefinder "
    "msilib "
    "msvcrt multifile multiprocessing mutex netrc new nis nntplib nt ntpath nturl2path numbers opcode operator "
    "optparse "
    "os os2 os2emxpath ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib popen2 poplib "
    "posix posixfile posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri "
    "random re readline repr reprlib resource rexec rfc822 riscos rlcompleter robotparser runpy sched secrets select "
    "selectors sets sgmllib sha shelve shlex shutil signal site sitecustomize smtpd smtplib sndhdr socket socketserver "
    "spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics statvfs string stringprep struct subprocess "
    "sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap this thread "
    "threading time timeit tkColorChooser tkFileDialog tkFont tkMessageBox tkSimpleDialog tkinter token tokenize "
    "tomllib "
    "trace traceback tracemalloc ttk tty turtle turtledemo types typing unicodedata unittest urllib urllib2 urlparse "
    "user "
    "usercustomize uu uuid venv warnings wave weakref webbrowser whichdb winreg winsound wsgiref xdrlib xml xmlrpc "
    "xmlrpclib zipapp zipfile zipimport zlib zoneinfo";

std::vector<std::string> sorted_modules() {
  std::vector<std::string> names = split(modules, ' ');
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool is_python_module(std::string_view top_level) {
  static const std::vector<std::string> names = sorted_modules();
  return top_level.starts_with('_') || std::binary_search(names.begin(), names.end(), top_level);
}

}  // namespace tessera
