package main

import (
	"context"
	"encoding/json"
	"reflect"
	"time"
	"unsafe"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// question is one line of input: an HPA and what its controller meets, step by step.
type question struct {
	HPA         json.RawMessage `json:"hpa"`
	ScaleToZero bool            `json:"scaleToZero"`
	Template    v1.PodSpec      `json:"template"`
	Steps       []step          `json:"steps"`
}

// step is one reconciliation, in milliseconds since the first moment of the case.
type step struct {
	At       int64    `json:"at"`
	Spec     int32    `json:"spec"`
	Status   int32    `json:"status"`
	Pods     []pod    `json:"pods"`
	Readings readings `json:"readings"`
}

type answer struct {
	// Refused is true when the API server does not store the object.
	Refused bool    `json:"refused,omitempty"`
	Steps   []given `json:"steps,omitempty"`
}

// given is what came of a step.
type given struct {
	// Desired is what was written to the scale, if anything was.
	Desired    *int32      `json:"desired"`
	Events     []event     `json:"events"`
	Conditions []condition `json:"conditions"`
	Current    []*current  `json:"current"`
}

type event struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type condition struct {
	Type    string `json:"type"`
	Status  bool   `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// current is a metric's value in the status of the HPA, in thousandths where it is a quantity.
type current struct {
	Utilization  *int32 `json:"averageUtilization,omitempty"`
	AverageValue *int64 `json:"averageValue,omitempty"`
	Value        *int64 `json:"value,omitempty"`
}

const (
	namespace = "shop"
	key       = "shop/hpa"

	// The flags' defaults of kube-controller-manager.
	resyncPeriod                  = 15 * time.Second
	downscaleStabilisation        = 5 * time.Minute
	tolerance                     = 0.1
	cpuInitializationPeriod       = 5 * time.Minute
	delayOfInitialReadinessStatus = 30 * time.Second
)

var world = newCluster()
var controller = newController(world)

//go:linkname reconcileAutoscaler k8s.io/kubernetes/pkg/controller/podautoscaler.(*HorizontalController).reconcileAutoscaler
func reconcileAutoscaler(*podautoscaler.HorizontalController, context.Context, *autoscalingv2.HorizontalPodAutoscaler, string) error

func newController(world *cluster) *podautoscaler.HorizontalController {
	clients := fake.NewSimpleClientset()
	factory := informers.NewSharedInformerFactory(clients, resyncPeriod)
	made := podautoscaler.NewHorizontalController(
		context.Background(),
		clients.CoreV1(),
		world,
		autoscalers{world},
		mapper{},
		metrics.NewRESTMetricsClient(podMetricses{world: world}, customMetrics{world: world}, externalMetrics{world: world}),
		factory.Autoscaling().V2().HorizontalPodAutoscalers(),
		podInformer{factory.Core().V1().Pods(), world},
		resyncPeriod,
		downscaleStabilisation,
		tolerance,
		cpuInitializationPeriod,
		delayOfInitialReadinessStatus,
	)
	// The real recorder drops events when there are many.
	set(made, "eventRecorder", recorder{world})
	return made
}

// forget empties what the controller remembers of the last case.
func forget() {
	for _, name := range []string{"recommendations", "scaleUpEvents", "scaleDownEvents"} {
		field(controller, name).Clear()
	}
}

func field(of any, name string) reflect.Value {
	at := reflect.ValueOf(of).Elem().FieldByName(name)
	return reflect.NewAt(at.Type(), unsafe.Pointer(at.UnsafeAddr())).Elem()
}

func set(of any, name string, value any) {
	field(of, name).Set(reflect.ValueOf(value))
}

func judge(c question) answer {
	gates := map[string]bool{"HPAScaleToZero": c.ScaleToZero}
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(gates); err != nil {
		panic(err)
	}
	hpa, ok := stored(c)
	if !ok {
		return answer{Refused: true}
	}
	forget()
	begin := time.Now()
	world.hpa, world.template = hpa, c.Template
	var all []given
	for _, s := range c.Steps {
		time.Sleep(time.Until(begin.Add(time.Duration(s.At) * time.Millisecond)))
		world.begin(s, begin)
		// What it returns is told by events and conditions too.
		_ = reconcileAutoscaler(controller, context.Background(), world.hpa, key)
		all = append(all, given{
			Desired:    world.written,
			Events:     world.events,
			Conditions: conditions(world.hpa),
			Current:    currents(world.hpa),
		})
	}
	return answer{Steps: all}
}

// stored is the object as the API server would hand it out, if it stored it.
func stored(c question) (*autoscalingv2.HorizontalPodAutoscaler, bool) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := json.Unmarshal(c.HPA, hpa); err != nil {
		return nil, false
	}
	hpa.Namespace = namespace
	legacyscheme.Scheme.Default(hpa)
	internal := &autoscaling.HorizontalPodAutoscaler{}
	if err := legacyscheme.Scheme.Convert(hpa, internal, nil); err != nil {
		return nil, false
	}
	// As in pkg/registry/autoscaling/horizontalpodautoscaler.
	options := validation.HorizontalPodAutoscalerSpecValidationOptions{
		MinReplicasLowerBound:          1,
		ObjectMetricsValidationOptions: validation.CrossVersionObjectReferenceValidationOptions{AllowEmptyAPIGroup: true},
	}
	if c.ScaleToZero {
		options.MinReplicasLowerBound = 0
	}
	if len(validation.ValidateHorizontalPodAutoscaler(internal, options)) > 0 {
		return nil, false
	}
	// Through the wire, which makes quantities canonical.
	out := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := legacyscheme.Scheme.Convert(internal, out, nil); err != nil {
		return nil, false
	}
	bytes, err := out.Marshal()
	if err != nil {
		panic(err)
	}
	again := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := again.Unmarshal(bytes); err != nil {
		panic(err)
	}
	return again, true
}

func conditions(hpa *autoscalingv2.HorizontalPodAutoscaler) []condition {
	all := []condition{}
	for _, c := range hpa.Status.Conditions {
		all = append(all, condition{string(c.Type), c.Status == "True", c.Reason, c.Message})
	}
	return all
}

func currents(hpa *autoscalingv2.HorizontalPodAutoscaler) []*current {
	all := []*current{}
	known := sets.New("", "Resource", "ContainerResource", "Pods", "Object", "External")
	for _, m := range hpa.Status.CurrentMetrics {
		var value autoscalingv2.MetricValueStatus
		switch {
		case !known.Has(string(m.Type)):
			panic(m.Type)
		case m.Resource != nil:
			value = m.Resource.Current
		case m.ContainerResource != nil:
			value = m.ContainerResource.Current
		case m.Pods != nil:
			value = m.Pods.Current
		case m.Object != nil:
			value = m.Object.Current
		case m.External != nil:
			value = m.External.Current
		default:
			all = append(all, nil)
			continue
		}
		found := &current{Utilization: value.AverageUtilization}
		if value.AverageValue != nil {
			milli := value.AverageValue.MilliValue()
			found.AverageValue = &milli
		}
		if value.Value != nil {
			milli := value.Value.MilliValue()
			found.Value = &milli
		}
		all = append(all, found)
	}
	return all
}
