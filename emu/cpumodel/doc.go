// Package cpumodel holds what CPUID tells of processors: the features (SDM vol. 2A, CPUID; AMD APM vol. 3 appendix E), those that goemu
// does, the models that -cpu names, and the leaves made of them.
//
// Supported is the one place where a feature is switched on. A model has the features of the processor that it is named after
// as far as they are in Supported; what an instruction needs is in Model.Gates.
package cpumodel
