# What makes a mistake in a parser harder to use (docs/security.md; tests/hostile/run_hardening.py reads the program that was built).
# Sanitizers bring their own checks and are told less by fortified calls, so a build with them goes without those.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported()  # position-independent code, so that the program's own addresses are drawn afresh at each start

set(hardening -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
foreach(flag ${hardening})
  string(MAKE_C_IDENTIFIER "takes${flag}" known)
  check_cxx_compiler_flag(-Werror\;${flag} ${known})
  if(${known})
    target_compile_options(tessera_options INTERFACE $<BUILD_INTERFACE:${flag}>)
  endif()
endforeach()

foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)  # tables of addresses read-only from the start, no code on the stack
  string(MAKE_C_IDENTIFIER "links${flag}" known)
  check_linker_flag(CXX ${flag} ${known})
  if(${known})
    target_link_options(tessera_options INTERFACE $<BUILD_INTERFACE:${flag}>)
  endif()
endforeach()

if(NOT TESSERA_SANITIZE)
  # Level 3 where compiler and C library know it; it needs the optimiser.
  set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
  check_cxx_source_compiles("#include <string.h>\nint main() { return 0; }" fortifies_3)
  set(CMAKE_REQUIRED_FLAGS)
  set(level $<IF:$<BOOL:${fortifies_3}>,3,2>)
  target_compile_options(tessera_options INTERFACE
    $<BUILD_INTERFACE:$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${level}>>)
endif()
# operator[] of the standard containers held to their bounds, in all floors but run/ (engine/CMakeLists.txt).
target_compile_definitions(tessera_options INTERFACE $<BUILD_INTERFACE:_GLIBCXX_ASSERTIONS>)
