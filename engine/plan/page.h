// The page of `plan --format html`, made of the files in page/ when the program is configured. Two slots,
// {{plan}} and {{sections}}, are filled by draw_html.
#pragma once

namespace tessera {

extern const char page_template[];

}  // namespace tessera
