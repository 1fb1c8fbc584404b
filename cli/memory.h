// What is asked of the system's memory before anything else is done.
#pragma once

namespace tessera::cli {

void prepare_memory();  // once, before there is a second thread

}  // namespace tessera::cli
