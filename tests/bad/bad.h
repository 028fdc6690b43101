/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A corpus of broken files, each with the status it must give and the field its message must name.
 * The unit tests of data/ walk over it; the program make_bad writes it to a directory, for tests of
 * the command line.
 */
#ifndef QOQ_TESTS_BAD_H
#define QOQ_TESTS_BAD_H

#include <stddef.h>

#include "qoq.h"

/* How a broken HDF5 file differs from a good one: see bad_h5.c. */
enum bad_edit {
    BAD_NO_EDIT,
    BAD_DELETE_ATTRIBUTE, /* object, name */
    BAD_INT_ATTRIBUTE,    /* object, name, number */
    BAD_REAL_ATTRIBUTE,   /* object, name; number 0: NaN, else that number */
    BAD_TEXT_ATTRIBUTE,   /* object, name, text */
    BAD_DELETE,           /* object */
    BAD_SOFT_LINK,        /* object becomes a link to `text` */
    BAD_EXTERNAL_LINK,    /* object becomes a link into another file */
    BAD_GROUP,            /* object becomes a group */
    BAD_CHUNKED,          /* object is stored in chunks */
    BAD_DEFLATED,         /* object is compressed */
    BAD_VIRTUAL,          /* object is a view of another dataset */
    BAD_EXTERNAL_FILE,    /* the elements of object are in another file */
    BAD_TYPE,             /* object gets another type: number is one of enum bad_type */
    BAD_RANK,             /* object becomes a matrix */
    BAD_NULL_SPACE,       /* object has no elements at all */
    BAD_HUGE,             /* object claims 2^60 elements */
    BAD_UNWRITTEN,        /* object was never written */
    BAD_ELEMENT,          /* element 0 of object becomes `number`, its sum stays */
    BAD_ELEMENT_SUMMED,   /* the same, and no sum is stored */
    BAD_CYCLE,            /* object is a group that holds itself */
    BAD_TRUNCATED,        /* the file ends after `number` bytes */
    BAD_BYTE              /* byte `number` of the file is inverted */
};

enum bad_type {
    BAD_UINT32,
    BAD_INT32_BIG_ENDIAN,
    BAD_INT16,
    BAD_FLOAT32,
    BAD_STRING,
    BAD_COMPOUND,
    BAD_ENUM
};

struct bad_case {
    const char *name; /* of the file; a slash puts it into a directory */
    enum qoq_status status;
    const char *field; /* "" where the message names the file only */
    /* Makes the file; 0, or -1 after printing why not. */
    int (*make)(const char *path, const struct bad_case *bad);
    const char *text; /* contents, or the part of a good file that is replaced */
    const char *with; /* what replaces it */
    long long number, claimed;
    enum bad_edit edit;
    const char *object, *attribute;
};

extern const struct bad_case bad_safetensors[], bad_configs[], bad_tokenizers[], bad_tokens[],
    bad_models[];
extern const size_t bad_safetensors_count, bad_configs_count, bad_tokenizers_count,
    bad_tokens_count, bad_models_count;

/* Writes a file; 0 or -1. */
int bad_write(const char *path, const void *data, size_t bytes);

/* Small good files; 0 or -1. */
int good_tokens(const char *path);
int good_model(const char *path);

/* A good file whose `text` is replaced by `with`: of the tokenizer in QOQ_DATADIR. */
char *bad_replace(const char *good, const char *text, const char *with);

#endif
