#pragma once
// safetensors, both ways. @see https://github.com/huggingface/safetensors (format), checked as strictly as its Rust implementation.

#include "spearstorm/io/safetensors_reader.hpp"
#include "spearstorm/io/safetensors_writer.hpp"
