/* One kernel launch as a Python callable: fills the memory that cuLaunchKernelEx reads, and calls it.
 *
 * In: what helion_runtime.launcher laid out once for a signature. Out: a function of the stream and the values that a call
 * changes; it returns the driver's result code. The memory is on the C stack, so that calls of several threads never meet.
 * Written for the limited API of Python 3.11: one build serves that version and later ones.
 */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define STREAM_OFFSET 32 /* of CUlaunchConfig.hStream */
#define ATTRIBUTES_OFFSET 40
#define ALIGNMENT 128 /* more than the 64 bytes that a tensor map needs */
#define ON_STACK 4096
#define CAPSULE "helion_runtime.launch"

typedef int (*launch_t)(const void *config, void *function, void **parameters, void **extra);

typedef struct {
    uint32_t offset;
    char kind; /* as in struct: Q address, f, d, H sixteen bits, s a tensor map */
} field_t;

typedef struct {
    launch_t launch;
    void *function;
    PyObject *attributes; /* keeps what the template points to */
    Py_ssize_t template_size, n_fields, n_parameters;
    unsigned char *template_bytes;
    field_t *fields;
    uint32_t *parameters;
} prepared_t;

static void release(prepared_t *prepared) {
    PyMem_Free(prepared->template_bytes);
    PyMem_Free(prepared->fields);
    PyMem_Free(prepared->parameters);
    Py_XDECREF(prepared->attributes);
    PyMem_Free(prepared);
}

static void destroy(PyObject *capsule) {
    release(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* Write one value at its place; -1 with an exception set if it is not of its kind. */
static int put(unsigned char *place, char kind, PyObject *value) {
    switch (kind) {
    case 'Q': {
        unsigned long long number = PyLong_AsUnsignedLongLong(value);
        if (number == (unsigned long long)-1 && PyErr_Occurred()) return -1;
        memcpy(place, &number, 8);
        return 0;
    }
    case 'f':
    case 'd': {
        double number = PyFloat_AsDouble(value);
        if (number == -1.0 && PyErr_Occurred()) return -1;
        float single = (float)number;
        if (kind == 'f') memcpy(place, &single, 4);
        else memcpy(place, &number, 8);
        return 0;
    }
    case 'H': {
        unsigned long long number = PyLong_AsUnsignedLongLong(value);
        if (number == (unsigned long long)-1 && PyErr_Occurred()) return -1;
        uint16_t bits = (uint16_t)number;
        memcpy(place, &bits, 2);
        return 0;
    }
    default: {
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(value, &bytes, &size)) return -1;
        if (size != 128) {
            PyErr_Format(PyExc_ValueError, "a tensor map of %zd bytes, expected 128", size);
            return -1;
        }
        memcpy(place, bytes, 128);
        return 0;
    }
    }
}

static PyObject *run(prepared_t *prepared, unsigned char *memory, PyObject *const *values) {
    memcpy(memory, prepared->template_bytes, prepared->template_size);
    if (put(memory + STREAM_OFFSET, 'Q', values[0])) return NULL;
    for (Py_ssize_t i = 0; i < prepared->n_fields; i++) {
        field_t field = prepared->fields[i];
        if (put(memory + field.offset, field.kind, values[i + 1])) return NULL;
    }
    void **pointers = (void **)(memory + prepared->template_size);
    for (Py_ssize_t i = 0; i < prepared->n_parameters; i++) pointers[i] = memory + prepared->parameters[i];
    int code;
    Py_BEGIN_ALLOW_THREADS
    code = prepared->launch(memory, prepared->function, pointers, NULL);
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(code);
}

static PyObject *call(PyObject *capsule, PyObject *const *values, Py_ssize_t count) {
    prepared_t *prepared = PyCapsule_GetPointer(capsule, CAPSULE);
    if (prepared == NULL) return NULL;
    if (count != prepared->n_fields + 1) {
        PyErr_Format(PyExc_TypeError, "a launch takes %zd values, %zd were passed", prepared->n_fields + 1, count);
        return NULL;
    }
    size_t size = (size_t)prepared->template_size + sizeof(void *) * (size_t)prepared->n_parameters;
    if (size <= ON_STACK) {
        _Alignas(ALIGNMENT) unsigned char memory[ON_STACK];
        return run(prepared, memory, values);
    }
    unsigned char *block = PyMem_Malloc(size + ALIGNMENT);
    if (block == NULL) return PyErr_NoMemory();
    unsigned char *memory = (unsigned char *)(((uintptr_t)block + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    PyObject *result = run(prepared, memory, values);
    PyMem_Free(block);
    return result;
}

static PyMethodDef call_definition = {"launch", (PyCFunction)(void (*)(void))call, METH_FASTCALL,
                                      "launch(stream, *values) -> CUresult"};

/* Fields as (offset, kind), each inside the template; -1 with an exception set otherwise. */
static int read_fields(prepared_t *prepared, PyObject *fields) {
    prepared->n_fields = PyTuple_Size(fields);
    prepared->fields = PyMem_Calloc((size_t)prepared->n_fields + 1, sizeof(field_t));
    if (prepared->fields == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t i = 0; i < prepared->n_fields; i++) {
        unsigned int offset;
        int kind;
        if (!PyArg_ParseTuple(PyTuple_GetItem(fields, i), "IC", &offset, &kind)) return -1;
        Py_ssize_t size = kind == 's' ? 128 : 8;
        if (strchr("QfdHs", kind) == NULL || offset > prepared->template_size - size) {
            PyErr_Format(PyExc_ValueError, "field %zd: kind %c at byte %u of %zd", i, kind, offset, prepared->template_size);
            return -1;
        }
        prepared->fields[i] = (field_t){offset, (char)kind};
    }
    return 0;
}

static int read_parameters(prepared_t *prepared, PyObject *offsets) {
    prepared->n_parameters = PyTuple_Size(offsets);
    prepared->parameters = PyMem_Calloc((size_t)prepared->n_parameters + 1, sizeof(uint32_t));
    if (prepared->parameters == NULL) return PyErr_NoMemory(), -1;
    for (Py_ssize_t i = 0; i < prepared->n_parameters; i++) {
        unsigned long offset = PyLong_AsUnsignedLong(PyTuple_GetItem(offsets, i));
        if (PyErr_Occurred()) return -1;
        if (offset >= (unsigned long)prepared->template_size) {
            PyErr_Format(PyExc_ValueError, "parameter %zd: byte %lu of %zd", i, offset, prepared->template_size);
            return -1;
        }
        prepared->parameters[i] = (uint32_t)offset;
    }
    return 0;
}

static PyObject *prepare(PyObject *module, PyObject *args) {
    unsigned long long launch, function, attributes_address;
    const char *bytes;
    Py_ssize_t size;
    PyObject *fields, *parameters, *attributes;
    (void)module;
    if (!PyArg_ParseTuple(args, "KKy#O!O!KO", &launch, &function, &bytes, &size, &PyTuple_Type, &fields, &PyTuple_Type,
                          &parameters, &attributes_address, &attributes))
        return NULL;
    if (size < 64 || size % 8) {
        PyErr_Format(PyExc_ValueError, "a template of %zd bytes, expected a multiple of 8 from 64 on", size);
        return NULL;
    }
    prepared_t *prepared = PyMem_Calloc(1, sizeof(prepared_t));
    if (prepared == NULL) return PyErr_NoMemory();
    Py_INCREF(attributes);
    prepared->attributes = attributes;
    prepared->launch = (launch_t)(uintptr_t)launch;
    prepared->function = (void *)(uintptr_t)function;
    prepared->template_size = size;
    prepared->template_bytes = PyMem_Malloc((size_t)size);
    if (prepared->template_bytes == NULL) {
        release(prepared);
        return PyErr_NoMemory();
    }
    memcpy(prepared->template_bytes, bytes, (size_t)size);
    memcpy(prepared->template_bytes + ATTRIBUTES_OFFSET, &attributes_address, 8);
    if (read_fields(prepared, fields) || read_parameters(prepared, parameters)) {
        release(prepared);
        return NULL;
    }
    PyObject *capsule = PyCapsule_New(prepared, CAPSULE, destroy);
    if (capsule == NULL) {
        release(prepared);
        return NULL;
    }
    PyObject *made = PyCFunction_New(&call_definition, capsule);
    Py_DECREF(capsule);
    return made;
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_VARARGS,
     "prepare(launch_address, function, template, fields, parameter_offsets, attributes_address, attributes) -> callable"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_launch", "Kernel launches without ctypes.", -1, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__launch(void) {
    return PyModule_Create(&definition);
}
