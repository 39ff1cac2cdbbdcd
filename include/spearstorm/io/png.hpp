#pragma once
// Pictures as PNG files, through libpng.

#include <png.h>

#include "spearstorm/io/image.hpp"
#include "spearstorm/io/input_file.hpp"

namespace SPEARSTORM_NS::io {

/// Writes 8-bit RGB, whole or not at all.
/// @throws value_error where the picture's bytes do not fit its size, io_error where the system refuses
inline void save_png(std::filesystem::path const& path, image const& picture) {
  std::string const where = "save_png: '" + path.string() + "'";
  if (picture.width < 1 || picture.height < 1 || picture.width > 65536 || picture.height > 65536 ||
      static_cast<index>(picture.rgb.size()) != 3 * picture.width * picture.height)
    fail<value_error>(where, ": picture of ", picture.width, " x ", picture.height, " with ", picture.rgb.size(), " bytes");
  png_image head = {};
  head.version = PNG_IMAGE_VERSION;
  head.width = static_cast<png_uint_32>(picture.width);
  head.height = static_cast<png_uint_32>(picture.height);
  head.format = PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(head);
  std::vector<std::byte> file(bytes);
  if (!png_image_write_to_memory(&head, file.data(), &bytes, 0, picture.rgb.data(), 0, nullptr)) fail<io_error>(where, ": ", head.message);
  write_atomically(path, std::span(file).first(bytes));
}

/// Reads any PNG as 8-bit RGB; what is transparent turns white.
/// @throws io_error where the system refuses, format_error for a broken file or one of more than 2^28 pixels
inline image load_png(std::filesystem::path const& path) {
  std::string const where = "load_png: '" + path.string() + "'";
  std::string const file = input_file(path).text();
  png_image head = {};
  head.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&head, file.data(), file.size())) fail<format_error>(where, ": ", head.message);
  if (head.width > 65536 || head.height > 65536 || std::uint64_t{head.width} * head.height > (1u << 28)) {
    png_image_free(&head);
    fail<format_error>(where, ": ", head.width, " x ", head.height, " pixels are too many");
  }
  head.format = PNG_FORMAT_RGB;
  image picture(static_cast<index>(head.width), static_cast<index>(head.height));
  png_color const white = {255, 255, 255};
  if (!png_image_finish_read(&head, &white, picture.rgb.data(), 0, nullptr)) fail<format_error>(where, ": ", head.message);
  if (head.warning_or_error & 2) fail<format_error>(where, ": ", head.message);
  return picture;
}

}  // namespace SPEARSTORM_NS::io
