package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	coreinformers "k8s.io/client-go/informers/core/v1"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/scale"
)

// cluster is what the controller reads and writes, for one step.
type cluster struct {
	hpa      *autoscalingv2.HorizontalPodAutoscaler
	template v1.PodSpec
	now      step
	began    time.Time
	pods     []*v1.Pod
	written  *int32
	events   []event
}

// pod is a Pod as far as the controller looks at it; times in milliseconds since the case began. It
// runs, and has the spec of the template, unless it says something else.
type pod struct {
	Name     string      `json:"name"`
	Phase    string      `json:"phase"`
	Deleting bool        `json:"deleting"`
	Ready    *ready      `json:"ready"`
	Started  *int64      `json:"started"`
	Spec     *v1.PodSpec `json:"spec"`
}

type ready struct {
	Status bool  `json:"status"`
	Since  int64 `json:"since"`
}

func newCluster() *cluster { return &cluster{} }

func (w *cluster) begin(s step, began time.Time) {
	w.now, w.began = s, began
	w.written, w.events = nil, []event{}
	w.pods = nil
	for _, p := range s.Pods {
		spec, phase := w.template, v1.PodRunning
		if p.Spec != nil {
			spec = *p.Spec
		}
		if p.Phase != "" {
			phase = v1.PodPhase(p.Phase)
		}
		made := &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: namespace, Labels: map[string]string{"app": "web"}},
			Spec:       spec,
			Status:     v1.PodStatus{Phase: phase},
		}
		if p.Deleting {
			now := metav1.Now()
			made.DeletionTimestamp = &now
		}
		if p.Started != nil {
			at := w.time(*p.Started)
			made.Status.StartTime = &at
		}
		if p.Ready != nil {
			status := v1.ConditionFalse
			if p.Ready.Status {
				status = v1.ConditionTrue
			}
			made.Status.Conditions = []v1.PodCondition{{
				Type: v1.PodReady, Status: status, LastTransitionTime: w.time(p.Ready.Since),
			}}
		}
		w.pods = append(w.pods, made)
	}
}

// time is a moment as the API server stores it: to the second.
func (w *cluster) time(millis int64) metav1.Time {
	return metav1.NewTime(w.began.Add(time.Duration(millis) * time.Millisecond).Truncate(time.Second))
}

// Scales is the scale subresource of the one target.
func (w *cluster) Scales(string) scale.ScaleInterface { return scales{world: w} }

type scales struct {
	scale.ScaleInterface
	world *cluster
}

func (s scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{
		Spec:   autoscalingv1.ScaleSpec{Replicas: s.world.now.Spec},
		Status: autoscalingv1.ScaleStatus{Replicas: s.world.now.Status, Selector: "app=web"},
	}, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, given *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	replicas := given.Spec.Replicas
	s.world.written = &replicas
	return given, nil
}

type autoscalers struct{ world *cluster }

func (a autoscalers) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return autoscaler{world: a.world}
}

type autoscaler struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	world *cluster
}

func (a autoscaler) UpdateStatus(_ context.Context, given *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	a.world.hpa.Status = *given.Status.DeepCopy()
	return given, nil
}

type mapper struct{ apimeta.RESTMapper }

func (mapper) RESTMappings(kind schema.GroupKind, _ ...string) ([]*apimeta.RESTMapping, error) {
	resource := schema.GroupVersionResource{Group: kind.Group, Version: "v1", Resource: "deployments"}
	return []*apimeta.RESTMapping{{Resource: resource}}, nil
}

type podInformer struct {
	coreinformers.PodInformer
	world *cluster
}

func (p podInformer) Lister() corelisters.PodLister { return podLister{world: p.world} }

// podLister keeps the order of the pods, which shows in messages.
type podLister struct {
	corelisters.PodLister
	corelisters.PodNamespaceLister
	world *cluster
}

func (l podLister) Pods(string) corelisters.PodNamespaceLister { return l }

func (l podLister) List(labels.Selector) ([]*v1.Pod, error) { return l.world.pods, nil }

type recorder struct{ world *cluster }

func (r recorder) Event(_ runtime.Object, _, reason, message string) {
	r.world.events = append(r.world.events, event{reason, message})
}

func (r recorder) Eventf(_ runtime.Object, _, reason, message string, args ...any) {
	r.world.events = append(r.world.events, event{reason, fmt.Sprintf(message, args...)})
}

func (r recorder) AnnotatedEventf(_ runtime.Object, _ map[string]string, _, reason, message string, args ...any) {
	r.world.events = append(r.world.events, event{reason, fmt.Sprintf(message, args...)})
}

func failure(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
