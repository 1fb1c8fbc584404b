// SIGINT, SIGTERM and SIGHUP. While an output is made, the first one asks for an orderly stop. What does not stop soon,
// because a disk is slow or a sum is long, is ended where it stands: on the disk that is no other than a kill
// (docs/durability.md), but the user has his answer within a second. The second one does not wait.
#pragma once
#include <string>

namespace tessera::cli::interrupt {

void catch_signals();                      // nothing is written yet: a signal says so and ends the program
void writing(const std::string& message);  // called once: from now on `message` is what is said at the end
void committing();                         // from now on the first signal comes too late: the rest takes a moment
int number();                              // of the signal that came; 0: none
[[noreturn]] void end();                   // says the message, exits with 128 + number()

}  // namespace tessera::cli::interrupt
